"""What an operator can have wrong before or while serving, each with its cure."""
