"""Judges: what a validator measures, by which metrics, and how these are weighed. Verdicts are `antiphon.economy`'s."""
