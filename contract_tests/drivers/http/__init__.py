"""How a request reaches a server: clients, transports, clocks and budgets."""
