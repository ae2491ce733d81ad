# SPDX-License-Identifier: GPL-2.0-or-later
"""Means of rounds, and how sure they are."""
import math

# Student's t, 97.5 %, for 1 to 30 degrees of freedom
T = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
     2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


def interval(values):
    """(mean, low, high); the last two are None for one round."""
    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return mean, None, None
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / (count - 1) / count)
    half = error * (T[count - 2] if count - 2 < len(T) else 1.96)
    return mean, mean - half, mean + half
