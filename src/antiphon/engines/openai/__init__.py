"""Engines that people already run: any server that speaks OpenAI's audio API becomes an engine of a node."""
