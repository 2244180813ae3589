"""The network API: orders as tasks that are followed, cancelled and accounted for, and what the network is."""
