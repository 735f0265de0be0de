"""One run of the gate: its target, its plan, its drivers in turn, and what it must observe."""
