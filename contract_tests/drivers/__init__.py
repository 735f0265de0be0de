"""Drivers: each makes HTTP exchanges happen, and judges none of them."""
