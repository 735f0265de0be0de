"""What CI calls: the shell of the actions and of the GitLab template. Standard library only."""
