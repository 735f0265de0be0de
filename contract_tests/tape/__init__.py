"""The tape: exchanges and calls as they were sent and received, in order; and subscribers."""
