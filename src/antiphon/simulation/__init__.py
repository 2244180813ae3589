"""Thousands of nodes with strategies under the real rules of `economy`: what pays, before anybody stakes on it."""
