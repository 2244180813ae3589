"""Rounds: contributors learn where their data is, a coordinator aggregates one signed update of each, and again.

`coordinator` holds the loop, `contributor` the local side, both over Flower (`flower`, extra antiphon[genki]). A whole
federation in one process: `embedded`. Of several machines: `superlink` and `supernode`.
"""
