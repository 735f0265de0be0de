"""The judge, judged: every fault is caught under its own rule, and nothing else is called one."""
