"""What can happen to an image on its way to LR, one step each."""
