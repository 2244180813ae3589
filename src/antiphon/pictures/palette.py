"""Colours that stay apart for every kind of colour vision (Okabe & Ito 2008), and a map of even steps."""

INK, MUTED, GRID = "#202124", "#5f6368", "#dfe1e5"
BLUE, SKY, ORANGE, RED, GREEN, PURPLE = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#009E73", "#CC79A7"
HEAT = "magma"
"""Perceptually uniform, readable in grey."""
