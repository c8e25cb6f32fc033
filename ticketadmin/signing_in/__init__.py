"""Authentication: identity sources, throttling, session lifetime.

Each person has one source (`models.people.Source`): a password kept here (`local`), the company's directory
(`directory`, LDAP) or the company's sign-in (`openid`, OpenID Connect). The last two need the extras
`[ldap]` and `[oidc]`; nothing imports them unless their settings are there. What they know of a person goes
through `services.people.accounts.admit`, which decides on roles.
"""
