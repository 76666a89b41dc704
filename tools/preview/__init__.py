# SPDX-License-Identifier: BSD-3-Clause
"""sitebound-preview: tally.py counts the lines of a report log, panels.py makes panels of the numbers,
text.py and page.py show them."""
