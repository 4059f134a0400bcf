"""A synthetic screen with known truth: its layout, its cells, and the microscope that takes its pictures."""
