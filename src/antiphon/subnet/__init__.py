"""Life as a miner and a validator on a Bittensor subnet: the same engines and judges, another ledger."""
