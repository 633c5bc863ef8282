"""What a teacher's answers become: training rows, or answers left out with the reason."""
