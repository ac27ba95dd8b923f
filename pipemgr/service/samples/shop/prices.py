"""The prices of the shop."""


def total(prices):
    """The sum of all prices that are not negative."""
    return sum(price for price in prices if price >= 0)
