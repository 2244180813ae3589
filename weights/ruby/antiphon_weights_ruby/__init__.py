"""Weights of Antiphon; see LICENCES.md. Files are read by hash through `antiphon.models`."""
