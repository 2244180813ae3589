"""The rules of the market as pure functions: no IO, no clock, no sound."""
