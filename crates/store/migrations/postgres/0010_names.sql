-- Only a verified app holds its name: in those that never were, "folded" has their own number before it.
UPDATE app_profiles SET folded = '~' || id || ':' || folded WHERE verified_at IS NULL;
