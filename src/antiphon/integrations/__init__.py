"""Protocols of other people's programs, each over the door for programs and nothing else."""
