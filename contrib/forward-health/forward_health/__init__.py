# SPDX-License-Identifier: BSD-3-Clause
"""Keeps external names resolving when a site loses the internet. See forward-health(8)."""
