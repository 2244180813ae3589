"""A contributor's local training, done by another's machine as a task of the market.

The job and its outcome lie in a store, sealed; the job's key travels in the order, the outcome's in the delivery, both
of which are sealed themselves. Who trains learns the job and nothing of whose it is: the contributor signs the update,
and keeps what the update left out.
"""
