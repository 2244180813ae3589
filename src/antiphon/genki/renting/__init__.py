"""A contributor's local training, done by another's machine as a task of the market.

The job and its outcome lie in a store, sealed; the key to both travels in the order, which is sealed itself. Who trains
learns the job and nothing of whose it is: the contributor signs the update, and keeps what the update left out.
"""
