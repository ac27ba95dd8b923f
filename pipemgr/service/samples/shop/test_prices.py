"""The shop adds up."""

import unittest

from prices import total


class TotalTest(unittest.TestCase):
    def test_adds_up(self):
        self.assertEqual(total([3, 4]), 7)

    def test_leaves_negative_prices_out(self):
        self.assertEqual(total([3, -1]), 3)


if __name__ == "__main__":
    unittest.main()
