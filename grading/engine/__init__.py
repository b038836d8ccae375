"""Run answers that nobody trusts: the sandbox, the wire to it, and the checks on this side of it."""
