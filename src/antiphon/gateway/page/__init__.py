"""The page that a browser shows, as files: no build step, nothing from elsewhere."""
