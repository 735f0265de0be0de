"""Entry points of the CI actions, of the GitLab template and of the pre-commit hooks.

``vendor_check`` and ``commands`` import the standard library only: the action and the hook that
check a vendored client run with any Python, and install nothing. ``gate`` needs the environment.
"""
