-- What a call cost: reported by its sender, or computed from its tokens at the price of its time; null without a price.
ALTER TABLE span ADD COLUMN cost_usd DOUBLE;
ALTER TABLE span ADD COLUMN cost_source VARCHAR; -- 'reported' or 'computed'
-- The latest restatement of prices by which the costs of the segment are; NULL and 0 before the first.
ALTER TABLE segment ADD COLUMN restated UBIGINT;
