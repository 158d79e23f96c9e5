"""A till: prices in cents, what they come to, and who pays how much of it."""


def total(prices, discount_percent=0):
    """Return what prices come to, less a discount, rounded down to a cent."""
    return sum(prices) * (100 - discount_percent) // 100


def shares(amount, people):
    """Return what each one pays of an amount: together the whole of it, and no two differ by more than a cent.

    Raise ValueError when people is less than 1.
    """
    return [amount // people] * people


def receipt(prices, people=1):
    """Return a receipt: a line for each price, the total, and what each one pays."""
    lines = [f"{price / 100:>8.2f}" for price in prices]
    lines += ["-" * 8, f"{total(prices) / 100:>8.2f}"]
    lines += [f"{share / 100:>8.2f} each pays" for share in shares(total(prices), people)]
    return "\n".join(lines)
