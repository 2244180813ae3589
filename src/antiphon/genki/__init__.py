"""Genki: models trained together, on data that stays where it is."""
