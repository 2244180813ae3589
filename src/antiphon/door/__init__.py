"""The door for programs, and what the command line stands on: settings, orders, a network to order from."""
