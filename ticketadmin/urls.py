"""Every route, grouped by screen."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView, TemplateView

from ticketadmin import converters  # noqa: F401 - registers <code:…>
from ticketadmin.views import administration, health, recipes, styleguide
from ticketadmin.views.account import account, binding, passwords, second_step
from ticketadmin.views.bulk import choosing, runs
from ticketadmin.views.history import changes
from ticketadmin.views.snippets import files, inserting
from ticketadmin.views.tickets import (
    drafts,
    export,
    filling,
    neighbours,
    omnibox,
    prefetching,
    presence,
    quick_status,
    ticket,
)
from ticketadmin.views.tickets import list as list_views

handler400 = "ticketadmin.views.error_pages.bad_request"
handler403 = "ticketadmin.views.error_pages.forbidden"
handler404 = "ticketadmin.views.error_pages.not_found"
handler500 = "ticketadmin.views.error_pages.server_error"


def static_page(template: str) -> Callable[..., HttpResponseBase]:
    """Return the view of a page that is the same for everyone."""
    return require_safe(TemplateView.as_view(template_name=template))


urlpatterns = [
    path("", require_safe(RedirectView.as_view(pattern_name="tickets")), name="home"),
    path("favicon.ico", account.favicon, name="favicon"),
    # tickets
    path("tickets/", list_views.tickets, name="tickets"),
    path("go/", omnibox.go, name="go"),
    path("suggest/", omnibox.suggest, name="suggest"),
    path("speculation-rules.json", prefetching.speculation_rules, name="speculation_rules"),
    path("list/", list_views.ticket_list, name="ticket_list"),
    path("list/tickets.csv", export.export_tickets, {"kind": "csv"}, name="export_csv"),
    path("list/tickets.xlsx", export.export_tickets, {"kind": "xlsx"}, name="export_xlsx"),
    path("list/news/", list_views.list_news, name="list_news"),
    path("columns/", list_views.choose_columns, name="choose_columns"),
    path("views/", list_views.keep_view, name="keep_view"),
    path("views/<int:view>/delete/", list_views.delete_view, name="delete_view"),
    path("tickets/<code:code>/", ticket.ticket, name="ticket"),
    path("tickets/<code:code>/preview/", ticket.preview, name="ticket_preview"),
    path("tickets/<code:code>/status/", quick_status.status, name="quick_status"),
    path("tickets/<code:code>/draft/", drafts.keep, name="draft_keep"),
    path("tickets/<code:code>/draft/discard/", drafts.discard, name="draft_discard"),
    path("tickets/<code:code>/draft/bring-back/", drafts.bring_back, name="draft_bring_back"),
    path("content/preview/", ticket.content_preview, name="content_preview"),
    path("tickets/<code:code>/neighbours/", neighbours.ticket_neighbours, name="ticket_neighbours"),
    path("tickets/<code:code>/presence/", presence.presence, name="presence"),
    path("tickets/<code:code>/recipe/", filling.ticket_recipe, name="ticket_recipe"),
    path("tickets/<code:code>/snippet/", filling.ticket_snippet, name="ticket_snippet"),
    # recipes
    path("recipes/", recipes.recipes, name="recipes"),
    path("recipes/new/", recipes.recipe, name="recipe_new"),
    path("recipes/<int:recipe>/", recipes.recipe, name="recipe"),
    path("recipes/<int:recipe>/delete/", recipes.recipe_delete, name="recipe_delete"),
    # snippets
    path("snippets/", recipes.snippets, name="snippets"),
    path("snippets/menu/", inserting.snippet_menu, name="snippet_menu"),
    path("snippets/snippets.csv", files.snippets_csv, name="snippets_csv"),
    path("snippets/import/", files.snippets_import, name="snippets_import"),
    path("snippets/new/", recipes.snippet, name="snippet_new"),
    path("snippets/<int:snippet>/", recipes.snippet, name="snippet"),
    path("snippets/<int:snippet>/text/", inserting.snippet_text, name="snippet_text"),
    path("snippets/<int:snippet>/delete/", recipes.snippet_delete, name="snippet_delete"),
    # bulk
    path("bulk/", runs.bulk_list, name="bulk_list"),
    path("bulk/new/", choosing.bulk_new, name="bulk_new"),
    path("bulk/template.csv", choosing.bulk_template, {"kind": "csv"}, name="bulk_template_csv"),
    path("bulk/template.xlsx", choosing.bulk_template, {"kind": "xlsx"}, name="bulk_template_xlsx"),
    path("bulk/files/<uuid:file>/errors/", choosing.bulk_file_errors, name="bulk_file_errors"),
    path("bulk/<uuid:bulk>/", runs.bulk, name="bulk"),
    path("bulk/<uuid:bulk>/progress/", runs.bulk_progress, name="bulk_progress"),
    path("bulk/<uuid:bulk>/results.csv", runs.bulk_results, name="bulk_results"),
    path("bulk/<uuid:bulk>/outcomes/", runs.bulk_outcome_file, name="bulk_outcome_file"),
    path("bulk/<uuid:bulk>/<slug:action>/", runs.bulk_action, name="bulk_action"),
    # history
    path("history/", changes.history, name="history"),
    path("history/changes.csv", changes.history_csv, name="history_csv"),
    path("history/<uuid:change>/undo/", changes.undo, name="undo"),
    path("history/<uuid:change>/restore/", changes.restore, name="restore"),
    path("history/<uuid:change>/settle/", changes.settle, name="settle"),
    # audit log
    path("audit/", administration.audit, name="audit"),
    path("audit/entries.csv", administration.audit_csv, name="audit_csv"),
    path("erase/", administration.erasing, name="erasing"),
    # account
    path("session/", account.session, name="session"),
    path(
        "session/back/",
        static_page("account/back.html"),
        name="session_back",
    ),
    path("sign-in/", account.SignIn.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("preferences/", account.preferences, name="preferences"),
    path("sign-out/everywhere/", account.sign_out_all, name="sign_out_all"),
    path("account/", account.account, name="account"),
    path("password/", passwords.PasswordChange.as_view(), name="password_change"),
    path("password/forgotten/", passwords.forgotten, name="password_forgotten"),
    path("password/forgotten/sent/", passwords.sent, name="password_sent"),
    path("password/new/<uidb64>/<token>/", passwords.Choose.as_view(), name="password_choose"),
    path("account/second-step/", second_step.second_step, name="second_step"),
    path("sign-in/code/", second_step.sign_in_code, name="sign_in_code"),
    path("sign-in/connect/<token>/", binding.binding, name="binding"),
    path("people/<int:user>/company-account/", binding.company_account, name="company_account"),
    # help
    path(
        "accessibility/",  # for signed-out users, too: their problem may be signing in
        login_not_required(static_page("accessibility/accessibility.html")),
        name="accessibility",
    ),
    # operations
    path("connection/", administration.connection, name="connection"),
    path("connection/omitted-fields/", administration.omitted_fields_setting, name="omitted_fields"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    # settings
    path("admin/", admin.site.urls),
]
if settings.HAS_OIDC:
    from ticketadmin.views.account import openid

    urlpatterns += [
        path("sign-in/openid/", openid.Begin.as_view(), name="openid_begin"),
        path("sign-in/openid/done/", openid.SignInDone.as_view(), name="openid_done"),
    ]
if settings.DEBUG:
    urlpatterns.append(path("styleguide/", styleguide.styleguide, name="styleguide"))
