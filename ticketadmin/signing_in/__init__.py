"""Authentication: identity sources, throttling, session lifetime.

Each user has one source (`models.people.IdentitySource`): a password kept here (`local`), the company's
directory (`directory`, LDAP) or the company's OpenID provider (`openid`). The last two need the extras
`[ldap]` and `[oidc]`; nothing imports them unless their settings are there. Both hand what they know about a
user to `services.people.accounts.admit`, which finds or creates the account and sets its roles.
"""
