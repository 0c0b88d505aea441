//! The API as OpenAPI 3.1, from its types and handlers.

use admin_api::{PROBLEM_TYPE, Problem, QuotaEvery};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, ToSchema};

use crate::{changes, clones, documents, events, lists, notifications, quotas, reverts, routes, snapshots};

/// What can be asked. A new handler is named here.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Berth",
        description = "The admin API of a Berth gateway. On its Unix socket who asks owns the gateway; on `admin.listen` \
                       a token says who asks, and what they may."
    ),
    paths(
        routes::health,
        routes::figures,
        routes::state,
        routes::openapi,
        lists::sessions::sessions,
        lists::locks::locks,
        lists::jobs::jobs,
        lists::exports::exports,
        lists::shares::shares,
        lists::zones::zones,
        notifications::answer::list,
        quotas::answer::list,
        quotas::answer::show,
        quotas::report_answer::report,
        quotas::order::put,
        quotas::order::delete,
        snapshots::answer::list,
        snapshots::answer::show,
        snapshots::order::put,
        snapshots::order::delete,
        snapshots::schedules::schedules,
        changes::changes,
        changes::ranges,
        events::answer::events,
        clones::answer::list,
        clones::answer::show,
        clones::order::put,
        clones::order::delete,
        reverts::begin,
        reverts::list,
        reverts::show,
        reverts::cancel,
        documents::answer::show,
        documents::order::put,
        documents::order::delete,
    ),
    components(schemas(Problem, QuotaEvery, quotas::report_answer::ReportFormat)),
    modifiers(&Everywhere)
)]
struct Api;

/// What holds for every request: a token, and problem details where it fails.
struct Everywhere;

/// The whole description.
pub(crate) fn document() -> OpenApi {
    <Api as utoipa::OpenApi>::openapi()
}

impl Modify for Everywhere {
    fn modify(&self, api: &mut OpenApi) {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let problem =
            ResponseBuilder::new().description("It was refused, or failed: why").content(PROBLEM_TYPE, content).build();
        for operation in api.paths.paths.values_mut().flat_map(operations) {
            // Else the names of our modules.
            operation.tags = None;
            operation.responses.responses.insert("default".to_owned(), RefOr::T(problem.clone()));
        }
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = api.components.get_or_insert_default();
        components.security_schemes.insert(TOKEN.to_owned(), bearer);
        api.security =
            Some(vec![SecurityRequirement::new(TOKEN, Vec::<String>::new()), SecurityRequirement::default()]);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().filter_map(Option::as_mut)
}

const TOKEN: &str = "token";
