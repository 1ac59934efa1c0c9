/* errors.c: the registry. */
#include "protocol/errors.h"

#include "base/banned.h"

#define HREF_ID "https://www.eclipse.dev/ditto/basic-namespaces-and-names.html#namespaced-id"

/* In alphabetical order. */
static const struct error_kind kinds[] = {
    {"acknowledgement:correlation-id.missing", 400, 0, NULL},
    {"acknowledgement:ditto.acklabel.forbidden", 400, 0, NULL},
    {"acknowledgement:label.invalid", 400, 0, NULL},
    {"acknowledgement:label.not.declared", 400, 0, NULL},
    {"acknowledgement:label.not.unique", 409, 0, NULL},
    {"acknowledgement:request.duplicate.correlation-id", 409, 0, NULL},
    {"acknowledgement:request.parsing.failed", 422, 0, NULL},
    {"acknowledgement:request.timeout", 408, 0, NULL},
    {"api.version.notsupported", 404, 0, NULL},
    {"ask.error", 503, 0, NULL},
    {"cloudevent.dataschema.unsupported", 400, 0, NULL},
    {"cloudevent.payload.missing", 400, 0, NULL},
    {"cloudevent.unparsable", 400, 0, NULL},
    {"command.headers.invalid", 400, 0, NULL},
    {"command.timeout", 408, 0, NULL},
    {"connectivity:command.invalid", 400, 0, NULL},
    {"connectivity:config.provider.failed", 500, ERROR_OF_SERVICE, NULL},
    {"connectivity:config.provider.missing", 500, ERROR_OF_SERVICE, NULL},
    {"connectivity:connection.configuration.invalid", 400, 0, NULL},
    {"connectivity:connection.conflict", 409, 0, NULL},
    {"connectivity:connection.failed", 504, 0, NULL},
    {"connectivity:connection.history.notfound", 404, 0, NULL},
    {"connectivity:connection.id.enforcement.failed", 400, 0, NULL},
    {"connectivity:connection.id.invalid", 400, 0, NULL},
    {"connectivity:connection.notfound", 404, 0, NULL},
    {"connectivity:connection.timeout", 503, 0, NULL},
    {"connectivity:connection.unauthorized", 401, 0, NULL},
    {"connectivity:connection.unavailable", 503, 0, NULL},
    {"connectivity:connection.uri.invalid", 400, 0, NULL},
    {"connectivity:connections.amount.illegal", 400, 0, NULL},
    {"connectivity:connectivity.config.unavailable", 404, ERROR_OF_SERVICE, NULL},
    {"connectivity:id.notsettable", 400, 0, NULL},
    {"connectivity:internalerror", 500, 0, NULL},
    {"connectivity:kafka.message.rejected", 408, ERROR_OF_SERVICE, NULL},
    {"connectivity:message.mapper.config.failed", 400, 0, NULL},
    {"connectivity:message.mapper.config.invalid", 400, 0, NULL},
    {"connectivity:message.mapping.failed", 400, 0, NULL},
    {"connectivity:message.sending.failed", 503, 0, NULL},
    {"connectivity:precondition.failed", 412, 0, NULL},
    {"connectivity:precondition.notmodified", 304, 0, NULL},
    {"connectivity:signal.illegal", 409, 0, NULL},
    {"connectivity:topic.invalid", 400, 0, NULL},
    {"enforcement.timeout", 503, 0, NULL},
    {"entity.notcreatable", 403, 0, NULL},
    {"header.invalid", 400, 0, NULL},
    {"header.notsupported", 400, 0, NULL},
    {"headers.too.large", 431, 0, NULL},
    {"internalerror", 500, 0, NULL},
    {"json.field.missing", 400, 0, NULL},
    {"json.fieldselector.invalid", 400, 0, NULL},
    {"json.format.invalid", 400, 0, NULL},
    {"json.invalid", 400, 0, NULL},
    {"json.key.invalid", 400, 0, NULL},
    {"json.pointer.invalid", 400, 0, NULL},
    {"json.type.notparsable", 400, 0, NULL},
    {"jwt:audience.invalid", 400, 0, NULL},
    {"jwt:invalid", 400, 0, NULL},
    {"mediatype.unsupported", 415, 0, NULL},
    {"messages:authorization.blocked", 429, 0, NULL},
    {"messages:featureid.invalid", 400, 0, NULL},
    {"messages:id.invalid", 400, 0, NULL},
    {"messages:messageformat.invalid", 400, 0, NULL},
    {"messages:payload.toolarge", 413, 0, NULL},
    {"messages:send.notallowed", 403, 0, NULL},
    {"messages:subject.invalid", 400, 0, NULL},
    {"namespace.blocked", 409, 0, NULL},
    {"namespacedentity.id.invalid", 400, 0, HREF_ID},
    {"placeholder:function.signature.invalid", 400, 0, NULL},
    {"placeholder:function.too.complex", 400, 0, NULL},
    {"placeholder:function.unknown", 400, 0, NULL},
    {"placeholder:placeholder.notresolvable", 400, 0, NULL},
    {"placeholder:placeholder.reference.notsupported", 400, 0, NULL},
    {"placeholder:placeholder.reference.unknownfield", 400, 0, NULL},
    {"placeholder:unresolved", 400, 0, NULL},
    {"policies:action.failed", 500, ERROR_ANY_STATUS, NULL},
    {"policies:entry.invalid", 400, 0, NULL},
    {"policies:entry.modificationinvalid", 403, 0, NULL},
    {"policies:entry.notfound", 404, 0, NULL},
    {"policies:entry.notmodifiable", 403, 0, NULL},
    {"policies:entry.referenceconflict", 409, 0, NULL},
    {"policies:id.invalid", 400, 0, HREF_ID},
    {"policies:id.notsettable", 400, 0, NULL},
    {"policies:import.invalid", 400, 0, NULL},
    {"policies:import.notfound", 404, 0, NULL},
    {"policies:import.notmodifiable", 403, 0, NULL},
    {"policies:import.referenceconflict", 409, 0, NULL},
    {"policies:imports.notfound", 404, 0, NULL},
    {"policies:imports.notmodifiable", 403, 0, NULL},
    {"policies:imports.toolarge", 400, 0, NULL},
    {"policies:policy.conflict", 409, 0, NULL},
    {"policies:policy.history.notfound", 404, 0, NULL},
    {"policies:policy.modificationinvalid", 403, 0, NULL},
    {"policies:policy.notcreatable", 403, 0, NULL},
    {"policies:policy.notfound", 404, 0, NULL},
    {"policies:policy.notmodifiable", 403, 0, NULL},
    {"policies:policy.toolarge", 413, 0, NULL},
    {"policies:policy.toomanymodifyingrequests", 429, 0, NULL},
    {"policies:policy.unavailable", 503, 0, NULL},
    {"policies:precondition.failed", 412, 0, NULL},
    {"policies:precondition.notmodified", 304, 0, NULL},
    {"policies:resource.notfound", 404, 0, NULL},
    {"policies:resource.notmodifiable", 403, 0, NULL},
    {"policies:resources.notfound", 404, 0, NULL},
    {"policies:resources.notmodifiable", 403, 0, NULL},
    {"policies:subject.notfound", 404, 0, NULL},
    {"policies:subject.notmodifiable", 403, 0, NULL},
    {"policies:subjectannouncement.invalid", 400, 0, NULL},
    {"policies:subjectexpiry.invalid", 400, 0, NULL},
    {"policies:subjectid.invalid", 400, 0, NULL},
    {"policies:subjects.notfound", 404, 0, NULL},
    {"policies:subjects.notmodifiable", 403, 0, NULL},
    {"policies:view.invalid", 400, 0, NULL},
    {"protocoladapter:illegal.adaptable", 422, 0, NULL},
    {"protocoladapter:invalid.path", 400, 0, NULL},
    {"protocoladapter:unknown.channel", 400, 0, NULL},
    {"protocoladapter:unknown.command", 400, 0, NULL},
    {"protocoladapter:unknown.event", 400, 0, NULL},
    {"protocoladapter:unknown.path", 400, 0, NULL},
    {"protocoladapter:unknown.response", 400, 0, NULL},
    {"protocoladapter:unknown.signal", 400, 0, NULL},
    {"protocoladapter:unknown.topicpath", 400, 0, NULL},
    {"pubsub:abnormal.termination", 500, 0, NULL},
    {"rql.expression.invalid", 400, 0, NULL},
    {"signal.enrichment.failed", 500, ERROR_ANY_STATUS, NULL},
    {"signal.unsupported", 400, ERROR_ANY_STATUS, NULL},
    {"signals.commands:path.unknown", 400, 0, NULL},
    {"streaming.subscription.not.found", 404, 0, NULL},
    {"streaming.subscription.protocol.error", 400, 0, NULL},
    {"streaming.subscription.timeout", 408, 0, NULL},
    {"thing-search:search.namespaces.invalid", 400, 0, NULL},
    {"thing-search:search.option.invalid", 400, 0, NULL},
    {"thing-search:subscription.aborted", 500, 0, NULL},
    {"thing-search:subscription.not.found", 404, 0, NULL},
    {"thing-search:subscription.protocol.error", 400, 0, NULL},
    {"thing-search:subscription.timeout", 408, 0, NULL},
    {"things:attribute.notfound", 404, 0, NULL},
    {"things:attribute.notmodifiable", 403, 0, NULL},
    {"things:attribute.pointerinvalid", 400, 0, NULL},
    {"things:attributes.notfound", 404, 0, NULL},
    {"things:attributes.notmodifiable", 403, 0, NULL},
    {"things:condition.failed", 412, 0, NULL},
    {"things:condition.invalid", 400, 0, NULL},
    {"things:definition.identifier.invalid", 400, 0, NULL},
    {"things:definition.notfound", 404, 0, NULL},
    {"things:definition.notmodifiable", 403, 0, NULL},
    {"things:event.notallowed", 403, 0, NULL},
    {"things:feature.definition.empty", 400, 0, NULL},
    {"things:feature.definition.notfound", 404, 0, NULL},
    {"things:feature.definition.notmodifiable", 403, 0, NULL},
    {"things:feature.desiredProperties.notfound", 404, 0, NULL},
    {"things:feature.desiredProperties.notmodifiable", 403, 0, NULL},
    {"things:feature.desiredProperty.notfound", 404, 0, NULL},
    {"things:feature.desiredProperty.notmodifiable", 403, 0, NULL},
    {"things:feature.notfound", 404, 0, NULL},
    {"things:feature.notmodifiable", 403, 0, NULL},
    {"things:feature.properties.notfound", 404, 0, NULL},
    {"things:feature.properties.notmodifiable", 403, 0, NULL},
    {"things:feature.property.notfound", 404, 0, NULL},
    {"things:feature.property.notmodifiable", 403, 0, NULL},
    {"things:features.notfound", 404, 0, NULL},
    {"things:features.notmodifiable", 403, 0, NULL},
    {"things:field.selection.invalid", 400, 0, NULL},
    {"things:id.invalid", 400, 0, HREF_ID},
    {"things:id.notdeletable", 400, 0, NULL},
    {"things:id.notsettable", 400, 0, NULL},
    {"things:live.channelcondition.notallowed", 405, 0, NULL},
    {"things:merge.invalid", 400, 0, NULL},
    {"things:metadata.headersconflict", 400, 0, NULL},
    {"things:metadata.notmodifiable", 400, 0, NULL},
    {"things:policy.conflicting", 400, 0, NULL},
    {"things:policy.id.missing", 400, 0, NULL},
    {"things:policy.id.notallowed", 400, 0, NULL},
    {"things:policy.invalid", 400, 0, NULL},
    {"things:policy.notallowed", 400, 0, NULL},
    {"things:policyId.notdeletable", 400, 0, NULL},
    {"things:policyId.notfound", 404, 0, NULL},
    {"things:policyId.notmodifiable", 403, 0, NULL},
    {"things:precondition.failed", 412, 0, NULL},
    {"things:precondition.notmodified", 304, 0, NULL},
    {"things:thing.conflict", 409, 0, NULL},
    {"things:thing.history.notfound", 404, 0, NULL},
    {"things:thing.notcreatable", 400, ERROR_ANY_STATUS, NULL},
    {"things:thing.notdeletable", 403, 0, NULL},
    {"things:thing.notfound", 404, 0, NULL},
    {"things:thing.notmodifiable", 403, 0, NULL},
    {"things:thing.toolarge", 413, 0, NULL},
    {"things:thing.toomanymodifyingrequests", 429, 0, NULL},
    {"things:thing.unavailable", 503, 0, NULL},
    {"things:things.ids.missing", 400, 0, NULL},
    {"timeout.invalid", 400, 0, NULL},
    {"too.many.requests", 429, 0, NULL},
    {"unknown", 500, ERROR_ANY_STATUS, NULL},
    {"unsupported.api.version", 404, 0, NULL},
    {"wot.validation.config:error", 400, 0, NULL},
    {"wot.validation.config:history.notfound", 404, 0, NULL},
    {"wot.validation.config:invalid", 400, 0, NULL},
    {"wot.validation.config:notaccessible", 404, 0, NULL},
    {"wot.validation.config:precondition.failed", 412, 0, NULL},
    {"wot.validation.config:precondition.notmodified", 304, 0, NULL},
    {"wot:definition.invalid", 404, ERROR_OF_SERVICE, NULL},
    {"wot:internalerror", 500, ERROR_OF_SERVICE, NULL},
    {"wot:payload.validation.error", 400, ERROR_OF_SERVICE, NULL},
    {"wot:skeleton.generation.failed", 400, ERROR_OF_SERVICE, NULL},
    {"wot:tm.invalid", 400, ERROR_OF_SERVICE, NULL},
    {"wot:tm.notfound", 421, ERROR_OF_SERVICE, NULL},
    {"wot:tm.placeholder.unresolved", 400, ERROR_OF_SERVICE, NULL},
    {"wot:tm.ref.invalid", 400, ERROR_OF_SERVICE, NULL},
    {"wot:validation.error", 400, ERROR_OF_SERVICE, NULL},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

const struct error_kind *error_kinds(size_t *n)
{
    *n = N_KINDS;
    return kinds;
}

const struct error_kind *error_kind(struct slice code)
{
    size_t from = 0, to = N_KINDS;
    while (from < to) {
        size_t middle = (from + to) / 2;
        int c = slice_cmp(code, slice_str(kinds[middle].code));
        if (c == 0)
            return &kinds[middle];
        if (c < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

int status_of(struct json v)
{
    int64_t n;
    return json_int(v, &n) == 0 && n >= 100 && n <= 599 ? (int)n : 0;
}

static int missing(struct ditto_error *err, const char *member)
{
    return ditto_fail(err, 400, "json.field.missing", "An error has at least a code and a message.", NULL,
                      "The error object has no '%s'.", member);
}

/* Copies the member if it is a string. */
static bool put_text(struct buf *dst, struct json object, struct slice name)
{
    struct json v = json_get(object, name);
    if (v.type == JSON_STRING)
        json_put_member(dst, name, json_slice(v));
    return v.type == JSON_STRING;
}

/* What only one class of errors has. */
static int put_own_members(struct buf *dst, struct json object, struct slice code, struct ditto_error *err)
{
    if (!slice_eq(code, S("protocoladapter:illegal.adaptable")))
        return 0;
    if (!put_text(dst, object, S("topicPath")))
        return missing(err, "topicPath");
    put_text(dst, object, S("signalType"));
    return 0;
}

static int put_known(struct buf *dst, struct json object, const struct error_kind *kind,
                     struct ditto_error *err)
{
    if (!put_text(dst, object, S("message")))
        return missing(err, "message");
    put_text(dst, object, S("description"));
    if (!put_text(dst, object, S("href")) && kind->href)
        json_put_member_text(dst, S("href"), slice_str(kind->href));
    return put_own_members(dst, object, slice_str(kind->code), err);
}

static int put_unknown(struct buf *dst, struct json object)
{
    if (!put_text(dst, object, S("message")))
        json_put_member_text(dst, S("message"), S("An unknown error occurred"));
    if (!put_text(dst, object, S("description")))
        json_put_member_text(dst, S("description"), S(""));
    put_text(dst, object, S("href"));
    return 0;
}

int error_put_object(struct buf *dst, struct json object, int *status, struct ditto_error *err)
{
    struct buf text = {0};
    if (object.type != JSON_OBJECT)
        return ditto_fail(err, 400, "json.format.invalid", NULL, NULL, "An error has to be an object.");
    struct json code = json_get(object, S("error"));
    if (code.type != JSON_STRING)
        return missing(err, "error");
    const struct error_kind *kind = error_kind(json_text(code, &text));
    buf_free(&text);
    if (kind && kind->flags & ERROR_OF_SERVICE)
        kind = NULL;
    int given = status_of(json_get(object, S("status")));
    *status = !kind ? given : kind->flags & ERROR_ANY_STATUS && given ? given : kind->status;
    if (*status == 0)
        *status = 500;
    buf_putc(dst, '{');
    json_put_member_int(dst, S("status"), *status);
    json_put_member(dst, S("error"), json_slice(code));
    int r = kind ? put_known(dst, object, kind, err) : put_unknown(dst, object);
    buf_putc(dst, '}');
    return r;
}
