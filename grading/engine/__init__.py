"""Run answers that nobody trusts: the sandbox, the wire to it, the checks on this side."""
