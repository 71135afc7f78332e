"""What a rendered compose model says; pure, but for reading the files that it names."""
