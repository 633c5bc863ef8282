"""Re-evaluation: what is new is checked, claimed once, and decided by the recipe of each champion."""
