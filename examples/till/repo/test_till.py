import unittest

import till


class TestTill(unittest.TestCase):
    def test_a_discount_is_taken_off_the_total(self):
        self.assertEqual(till.total([1000, 250], 10), 1125)

    def test_equal_shares(self):
        self.assertEqual(till.shares(900, 3), [300, 300, 300])

    def test_shares_come_to_the_whole_amount(self):
        for amount in (1000, 1001, 5):
            self.assertEqual(sum(till.shares(amount, 3)), amount)

    def test_a_receipt_ends_with_what_each_one_pays(self):
        self.assertEqual(till.receipt([400, 600], 2).splitlines()[-1], "    5.00 each pays")


if __name__ == "__main__":
    unittest.main()
