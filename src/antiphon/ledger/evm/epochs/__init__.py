"""Epochs on the chain: weights are committed and revealed, anybody posts the consensus, what stands is issued."""
