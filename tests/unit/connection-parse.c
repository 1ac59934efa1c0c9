/* connection-parse: documents into structs, defaults, implied reply targets, and every problem at its place. */
#include "connection/connection.h"

#include <stdlib.h>

#include "tap.h"

#define HEAD                                                                                                 \
    "\"id\":\"c\",\"connectionType\":\"amqp-10\",\"connectionStatus\":\"open\",\"uri\":\"amqp://h:5672\""
#define SOURCE "\"sources\":[{\"addresses\":[\"q\"],\"authorizationContext\":[\"a:b\"]}]"

static void test_defaults(void)
{
    struct connection c;
    struct ditto_error err;
    int rc = connection_parse(&c, S("{" HEAD "," SOURCE "}"), &err);
    if (!ok(rc == 0, "the smallest connection"))
        return;
    ok(c.type == TYPE_AMQP_10 && c.open && c.client_count == 1 && c.processor_pool_size == 1, "numbers");
    ok(c.failover && c.validate_certificates && !c.ca.p && !c.client_cert.p && !c.n_targets, "the rest");
    is_slice(c.uri.host, S("h"), "host");
    is_int(c.uri.port, 5672, "port");
    ok(!c.uri.user.p && !c.uri.password.p && !c.uri.tls && c.uri.path.len == 0, "no user, no path");
    const struct source *s = c.sources;
    ok(s->qos == QOS_ABSENT && s->consumer_count == 1 && !s->ack_filter.p && !s->enforcement_input.p,
       "source");
    ok(s->payload_mapping.n == 1 && slice_eq(s->payload_mapping.v[0], S("Ditto")), "the default mapper");
    connection_free(&c);
    ok(!c.doc.mem && !c.sources && !c.arena, "freed");
}

static void test_reply_targets(void)
{
    static const struct {
        const char *title, *document;
        size_t mapping, reply_mapping;
        bool present, nack;
        const char *address;
    } cases[] = {
        {"implied", "{" HEAD "," SOURCE "}", 3, 2, true, false, "{{header:reply-to}}"},
        {"implied over a mapping of one's own",
         "{" HEAD ",\"sources\":[{\"addresses\":[\"q\"],\"authorizationContext\":[\"a\"],"
         "\"headerMapping\":{\"reply-to\":\"x\",\"more\":\"y\"}}]}",
         4, 2, true, false, "{{header:reply-to}}"},
        {"implied without headers",
         "{\"id\":\"c\",\"connectionType\":\"mqtt\",\"connectionStatus\":\"open\",\"uri\":\"tcp://h:1\",\"sources\":[{"
         "\"addresses\":[\"q\"],\"qos\":1,\"authorizationContext\":[\"a\"]}]}",
         0, 0, true, false, "{{header:reply-to}}"},
        {"forbidden",
         "{" HEAD ",\"sources\":[{\"addresses\":[\"q\"],\"authorizationContext\":[\"a\"],"
         "\"replyTarget\":{\"enabled\":false}}]}",
         0, 0, false, false, NULL},
        {"given, though not enabled",
         "{" HEAD ",\"sources\":[{\"addresses\":[\"q\"],\"authorizationContext\":[\"a\"],\"replyTarget\":{"
         "\"enabled\":false,\"address\":\"r\",\"expectedResponseTypes\":[\"nack\",\"x\"],\"headerMapping\":{\"a\":\"b\","
         "\"n\":1}}}]}",
         0, 1, true, true, "r"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct connection c;
        struct ditto_error err;
        if (!ok(connection_parse(&c, slice_str(cases[i].document), &err) == 0, "reply target: %s",
                cases[i].title))
            continue;
        const struct source *s = c.sources;
        is_int((long long)s->header_mapping.n, (long long)cases[i].mapping, "header mapping");
        is_int((long long)s->reply.header_mapping.n, (long long)cases[i].reply_mapping, "its header mapping");
        ok(s->reply.present == cases[i].present && s->reply.nack == cases[i].nack, "present and nack");
        is_slice(s->reply.address, slice_str(cases[i].address), "address");
        connection_free(&c);
    }
}

static void test_everything(void)
{
    static const char document[] =
        "{\"id\":\"m\\u002d1\",\"connectionType\":\"mqtt-5\",\"connectionStatus\":\"closed\","
        "\"uri\":\"ssl://us%20er:p%3Aw%2540+@[::1]:8883/a%20b\",\"clientCount\":2,"
        "\"sources\":[7,{\"addresses\":[\"a/+\",\"a/+\",\"b/#\"],\"qos\":2,\"authorizationContext\":[\"s\",1],"
        "\"enforcement\":{\"input\":\"{{ source:address }}\",\"filters\":[\"a/{{ thing:name }}\"]},"
        "\"acknowledgementRequests\":{\"includes\":[\"{{ connection:id }}:ack\"],\"filter\":\"fn:delete()\"},"
        "\"declaredAcks\":[\"{{connection:id}}:x\"],\"payloadMapping\":[\"m\"],\"replyTarget\":{\"enabled\":false}}],"
        "\"targets\":[{\"address\":\"t\\u002f{{ thing:id }}\",\"topics\":[\"_/_/things/twin/events\","
        "\"_/_/things/twin/events\",\"_/_/things/live/messages?namespaces=a\"],\"qos\":0,"
        "\"authorizationContext\":[\"s\"],\"issuedAcknowledgementLabel\":\"{{connection:id}}:done\"}],"
        "\"mappingDefinitions\":{\"m\":{\"mappingEngine\":\"JQ\",\"options\":{\"incoming\":\".\"}}},"
        "\"specificConfig\":{\"a\":\"1\",\"b\":true,\"c\":1.0,\"a\":\"2\"},\"tags\":[\"x\",\"x\",\"y\",3],\"name\":null}";
    struct connection c;
    struct ditto_error err = {0};
    int rc = connection_parse(&c, slice_str(document), &err);
    if (!ok(rc == 0, "a connection with everything")) {
        printf("# %s %s %s\n", err.code, err.message, err.pointer);
        return;
    }
    is_slice(c.id, S("m-1"), "an escaped id");
    is_slice(c.uri.user, S("us er"), "user");
    is_slice(c.uri.password, S("p:w%40+"), "password");
    is_slice(c.uri.host, S("::1"), "IPv6");
    is_slice(c.uri.path, S("/a b"), "path");
    ok(c.uri.tls && !c.open && !c.name.p, "tls, closed, no name");
    ok(c.n_sources == 1 && c.sources[0].index == 1 && c.sources[0].addresses.n == 2, "sources and sets");
    is_int((long long)c.sources[0].subjects.n, 1, "subjects that are texts");
    is_slice(c.sources[0].ack_includes.v[0], S("m-1:ack"), "a requested label");
    is_slice(c.sources[0].declared_acks.v[0], S("m-1:x"), "a declared label");
    is_slice(c.targets[0].issued_label, S("m-1:done"), "an issued label");
    is_slice(c.targets[0].address, S("t/{{ thing:id }}"), "an escaped address");
    ok(c.targets[0].n_topics == 2 && c.targets[0].topics[1].stream == STREAM_MESSAGES, "topics");
    is_slice(connection_specific(&c, S("a")), S("2"), "the last of equal keys");
    is_slice(connection_specific(&c, S("b")), S("true"), "a boolean as text");
    is_slice(connection_specific(&c, S("c")), S("1.0"), "a number as it stands");
    is_slice(connection_specific(&c, S("d")), SLICE_NONE, "an absent key");
    is_int((long long)c.tags.n, 2, "tags");
    ok(connection_definition(&c, S("m")) && !connection_definition(&c, S("n")), "definitions");
    connection_free(&c);
}

/* Documents as JSON with ' for ". */
static const struct {
    const char *document, *code, *pointer;
} wrong
    [] =
        {
            {"", "json.invalid", ""},
            {"{'id':", "json.invalid", ""},
            {"[]", "json.invalid", ""},
            {"{}", "json.field.missing", "/connectionType"},
            {"{'connectionType':'amqp-10'}", "json.field.missing", "/id"},
            {"{'connectionType':1}", "json.invalid", "/connectionType"},
            {"{'connectionType':'amqp'}", "json.invalid", "/connectionType"},
            {"{'connectionType':'amqp-10','id':'a b'}", "connectivity:connection.id.invalid", "/id"},
            {"{'connectionType':'amqp-10','id':''}", "connectivity:connection.id.invalid", "/id"},
            {"{'connectionType':'amqp-10','id':'c'}", "json.field.missing", "/connectionStatus"},
            {"{'connectionType':'amqp-10','id':'c','connectionStatus':'opened'}", "json.invalid",
             "/connectionStatus"},
            {"{'connectionType':'amqp-10','id':'c','connectionStatus':'open'}", "json.field.missing", "/uri"},
            {"{A,'sources':{}}", "json.invalid", "/sources"},
            {"{A,'sources':[{'addresses':['q',1]}]}", "json.invalid", "/sources/0/addresses/1"},
            {"{A,'sources':[{'addresses':['q'],'consumerCount':0}]}", "json.format.invalid",
             "/sources/0/consumerCount"},
            {"{A,'sources':[{'addresses':['q'],'enforcement':{}}]}", "json.field.missing",
             "/sources/0/enforcement/input"},
            {"{A,'sources':[{'addresses':['q'],'declaredAcks':['a']}]}", "acknowledgement:label.invalid",
             "/sources/0/declaredAcks/0"},
            {"{A,'targets':[{'address':'t','topics':['nope']}]}", "connectivity:topic.invalid",
             "/targets/0/topics/0"},
            {"{A,'targets':[{'topics':[]}]}", "json.field.missing", "/targets/0/address"},
            {"{A,T,'credentials':{'type':'x'}}", "json.invalid", "/credentials/type"},
            {"{A,T,'credentials':{'type':'hmac','algorithm':'a'}}", "json.field.missing",
             "/credentials/parameters"},
            {"{A,T,'clientCount':0}", "json.format.invalid", "/clientCount"},
            {"{A,T,'clientCount':'1'}", "json.invalid", "/clientCount"},
            {"{A,T,'clientCount':1.5}", "json.invalid", "/clientCount"},
            {"{A,T,'clientCount':99999999999}", "json.invalid", "/clientCount"},
            {"{A,T,'mappingDefinitions':{'m':{'options':{}}}}", "json.field.missing",
             "/mappingDefinitions/m/mappingEngine"},
            {"{A,T,'mappingDefinitions':{'a~/b':1}}", "json.invalid", "/mappingDefinitions/a~0~1b"},
            {"{A,T,'sshTunnel':{'enabled':true}}", "json.field.missing", "/sshTunnel/credentials"},
            {"{A}", "connectivity:connection.configuration.invalid", "/sources"},
            {"{A,'targets':[{'address':'t'}]}", "connectivity:connection.configuration.invalid",
             "/targets/0/authorizationContext"},
            {"{A,'clientCount':2,'targets':[{'address':'t','topics':['_/_/connections/announcements'],"
             "'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/topics"},
            {"{A,'sources':[S,S,S,S,S]}", "connectivity:connection.configuration.invalid", "/sources"},
            {"{A,'sources':[{'addresses':[''],'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses"},
            {"{A,'sources':[{'addresses':[],'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses"},
            {"{A,'targets':[{'address':'t','authorizationContext':['a'],'issuedAcknowledgementLabel':'other:ack'}]}",
             "acknowledgement:label.invalid", "/targets/0/issuedAcknowledgementLabel"},
            {"{A,'targets':[{'address':'t','authorizationContext':['a'],'issuedAcknowledgementLabel':'c:ack'},"
             "{'address':'u','authorizationContext':['a'],'issuedAcknowledgementLabel':'{{connection:id}}:ack'}]}",
             "acknowledgement:label.not.unique", "/targets/1/issuedAcknowledgementLabel"},
            {"{A,T,'ca':'nope'}", "connectivity:connection.configuration.invalid", "/ca"},
            {"{A,T,'validateCertificates':false,'ca':'nope'}", "connectivity:connection.uri.invalid", "/ca"},
            {"{A,T,'credentials':{'type':'oauth-password','tokenEndpoint':'https://h','clientId':'c','requestedScopes':'s','username':'u','password':'p'}}",
             "connectivity:connection.configuration.invalid", "/credentials"},
            {"{A,'sources':[{'addresses':['q'],'authorizationContext':['a'],'payloadMapping':['nope']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/payloadMapping/0"},
            {"{A,'sources':[{'addresses':['q'],'authorizationContext':['a'],'payloadMapping':['JQ']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/payloadMapping/0"},
            {"{A,'targets':[{'address':'{{ nope:x }}','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{A,'sources':[{'addresses':['q'],'authorizationContext':['a'],'headerMapping':{'a/b':'{{ header: }}'}}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/headerMapping/a~1b"},
            {"{M,'sources':[{'addresses':['a/#/b'],'qos':1,'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{M,'sources':[{'addresses':['a'],'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/qos"},
            {"{M,'sources':[{'addresses':['a'],'qos':3,'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/qos"},
            {"{M,'sources':[{'addresses':['a'],'qos':-1,'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/qos"},
            {"{M,'sources':[{'addresses':['a'],'qos':1,'consumerCount':2,'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/consumerCount"},
            {"{M,'targets':[{'address':'a/+','qos':1,'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{M,'clientCount':2,'targets':[{'address':'a','qos':1,'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/clientCount"},
            {"{M,'targets':[{'address':'a','qos':1,'authorizationContext':['a'],'headerMapping':{'x':'y'}}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/headerMapping/x"},
            /* by type */
            {"{'id':'c','connectionType':'amqp-091','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'a','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'amqp-091','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'/b','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'amqp-091','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'a/','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'amqp-091','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'a/b/c','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'amqp-091','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'/','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'amqp.nope':'1'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/amqp.nope"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'transport.tcpNoDelay':'1','failover.x':'1'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/failover.x"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t/','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t#','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t#x','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t#99999999999','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a b','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'.','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'..','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'/k','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':''}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':',h:1'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1,'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:0'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:65536'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'-h:1'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1;i:2'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'http://h:1'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/bootstrapServers"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://u:p@h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1','saslMechanism':'gssapi'}}", "connectivity:connection.configuration.invalid",
             "/specificConfig/saslMechanism"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['t'],'authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1','groupId':'a b'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/groupId"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['t'],'authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1','groupId':''}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/groupId"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['t'],'authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1','groupId':'{{ thing:id }}'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/groupId"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['t'],'authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1','consumerOffsetReset':'now'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/consumerOffsetReset"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['t/x'],'authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['t'],'authorizationContext':['a'],'qos':2}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/sources/0/qos"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['t'],'authorizationContext':['a'],'enforcement':{'input':'{{ source:address }}','filters':[]}}],'specificConfig':{'bootstrapServers':'h:1'}}",
             "connectivity:connection.configuration.invalid", "/sources/0/enforcement/input"},
            {"{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1'},'sshTunnel':{'enabled':true,'validateHost':false,'uri':'ssh://h:22','credentials':{'type':'plain','username':'','password':'p'}}}",
             "connectivity:connection.configuration.invalid", "/sshTunnel"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'x','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'get:/','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'OPTIONS:/','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':':/x','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'{{ header:v }}:/','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','sources':[{'addresses':['q'],'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'parallelism':'0'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/parallelism"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'parallelism':'x'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/parallelism"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'parallelism':''}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/parallelism"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'idleTimeout':'61s'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/idleTimeout"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'idleTimeout':'-1ms'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/idleTimeout"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'idleTimeout':'x'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/idleTimeout"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'omitRequestBody':'GET, POST'}}", "connectivity:connection.configuration.invalid",
             "/specificConfig/omitRequestBody"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'omitRequestBody':'get'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/omitRequestBody"},
            {"{'id':'c','connectionType':'hono','connectionStatus':'open','uri':'','sources':[{'addresses':['topic'],'authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'hono','connectionStatus':'open','uri':'','targets':[{'address':'telemetry','authorizationContext':['a']}]}",
             "connectivity:connection.configuration.invalid", "/targets/0/address"},
            {"{'id':'c','connectionType':'mqtt-5','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['$share/g'],'authorizationContext':['a'],'qos':1}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'mqtt-5','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['$share//t'],'authorizationContext':['a'],'qos':1}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'mqtt-5','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['$share/g/'],'authorizationContext':['a'],'qos':1}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'mqtt-5','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['$share/+/t'],'authorizationContext':['a'],'qos':1}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'mqtt-5','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['a#'],'authorizationContext':['a'],'qos':1}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'mqtt-5','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['+a'],'authorizationContext':['a'],'qos':1}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'mqtt-5','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['#/a'],'authorizationContext':['a'],'qos':1}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/addresses/0"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['a'],'authorizationContext':['a'],'qos':1,'headerMapping':{'h':'{{ header:x }}'}}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/headerMapping/h"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['a'],'authorizationContext':['a'],'qos':1,'headerMapping':{'h':'{{ header:mqtt.qos | fn:default(header:x) }}'}}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/headerMapping/h"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['a'],'authorizationContext':['a'],'qos':1,'enforcement':{'input':'{{ header:x }}','filters':[]}}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/enforcement/input"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['a'],'authorizationContext':['a'],'qos':1,'enforcement':{'input':'{{ source:address }}','filters':['{{ feature:id }}']}}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/enforcement/filters/0"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a','authorizationContext':['a'],'qos':1}],'specificConfig':{'keepAlive':'65536s'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/keepAlive"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a','authorizationContext':['a'],'qos':1}],'specificConfig':{'keepAlive':'-1s'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/keepAlive"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a','authorizationContext':['a'],'qos':1}],'specificConfig':{'keepAlive':'2000h'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/keepAlive"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a','authorizationContext':['a'],'qos':1}],'specificConfig':{'lastWillTopic':''}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/lastWillTopic"},
            {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a','authorizationContext':['a'],'qos':1}],'specificConfig':{'lastWillTopic':'a','lastWillQos':'-1'}}",
             "connectivity:connection.configuration.invalid", "/specificConfig/lastWillQos"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a'],'headerMapping':{'divert-response-to-connection':'{{ header:x }}'}}]}",
             "connectivity:connection.configuration.invalid",
             "/sources/0/headerMapping/divert-response-to-connection"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a'],'headerMapping':{'divert-response-to-connection':''}}]}",
             "connectivity:connection.configuration.invalid",
             "/sources/0/headerMapping/divert-response-to-connection"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a'],'headerMapping':{'divert-response-to-connection':'c'}}]}",
             "connectivity:connection.configuration.invalid",
             "/sources/0/headerMapping/divert-response-to-connection"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a'],'headerMapping':{'divert-expected-response-types':'error,x'}}],'specificConfig':{'is-diversion-source':'TRUE'}}", "connectivity:connection.configuration.invalid",
             "/sources/0/headerMapping/divert-expected-response-types"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'q','authorizationContext':['a'],'topics':['_/_/things/twin/events']}],'specificConfig':{'is-diversion-target':true}}",
             "connectivity:connection.configuration.invalid", "/targets/0/topics"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'q','authorizationContext':['a']}],'specificConfig':{'is-diversion-target':true,'authorized-connections-as-sources':'a,,b'}}",
             "connectivity:connection.id.invalid", "/specificConfig/authorized-connections-as-sources"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'q','authorizationContext':['a'],'topics':['_/_/things/twin/events?filter=eq(a']}]}",
             "rql.expression.invalid", "/targets/0/topics/0"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'q','authorizationContext':['a'],'topics':['_/_/things/twin/events','_/_/things/live/events?filter=eq(nope,1)']}]}",
             "rql.expression.invalid", "/targets/0/topics/1"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'q','authorizationContext':['a'],'topics':['_/_/things/twin/events?extraFields=nope']}]}",
             "things:field.selection.invalid", "/targets/0/topics/0"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'q','authorizationContext':['a'],'topics':['_/_/things/twin/events?extraFields=features/{{nope:x}}']}]}",
             "placeholder:unresolved", "/targets/0/topics/0"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'hmac','algorithm':'md5','parameters':{}}}",
             "connectivity:connection.configuration.invalid", "/credentials/algorithm"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'hmac','algorithm':'az-sasl','parameters':{}}}",
             "connectivity:connection.configuration.invalid", "/credentials/parameters/sharedKeyName"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'hmac','algorithm':'az-sasl','parameters':{'sharedKeyName':'n','sharedKey':'?','endpoint':'e'}}}",
             "connectivity:connection.configuration.invalid", "/credentials/parameters/sharedKey"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqps://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'hmac','algorithm':'aws4-hmac-sha256','parameters':{'region':'r','service':'s','accessKey':'a','secretKey':'k'}}}",
             "connectivity:connection.configuration.invalid", "/credentials/algorithm"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://u@h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'hmac','algorithm':'az-sasl','parameters':{'sharedKeyName':'n','sharedKey':'aaaa','endpoint':'e'}}}",
             "connectivity:connection.configuration.invalid", "/uri"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':'s','tokenEndpoint':'nope'}}",
             "connectivity:connection.configuration.invalid", "/credentials/tokenEndpoint"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':'s','tokenEndpoint':'ftp://h'}}",
             "connectivity:connection.configuration.invalid", "/credentials/tokenEndpoint"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':'s','tokenEndpoint':'http://h'}}", "connectivity:connection.configuration.invalid",
             "/credentials/tokenEndpoint"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':'','tokenEndpoint':'https://h'}}",
             "connectivity:connection.configuration.invalid", "/credentials/requestedScopes"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':'a  b','tokenEndpoint':'https://h'}}",
             "connectivity:connection.configuration.invalid", "/credentials/requestedScopes"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':' a','tokenEndpoint':'https://h'}}",
             "connectivity:connection.configuration.invalid", "/credentials/requestedScopes"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':'a ','tokenEndpoint':'https://h'}}",
             "connectivity:connection.configuration.invalid", "/credentials/requestedScopes"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':'a\\\\b','tokenEndpoint':'https://h'}}",
             "connectivity:connection.configuration.invalid", "/credentials/requestedScopes"},
            {"{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-client-credentials','clientId':'c','clientSecret':'s','requestedScopes':'é','tokenEndpoint':'https://h'}}",
             "connectivity:connection.configuration.invalid", "/credentials/requestedScopes"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'sshTunnel':{'enabled':false,'validateHost':false,'uri':'','credentials':{'type':'plain','username':'u','password':'p'}}}",
             "connectivity:connection.configuration.invalid", "/sshTunnel/uri"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'sshTunnel':{'enabled':false,'validateHost':false,'uri':'tcp://h:1','credentials':{'type':'plain','username':'u','password':'p'}}}",
             "connectivity:connection.configuration.invalid", "/sshTunnel/uri"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'sshTunnel':{'enabled':false,'validateHost':true,'uri':'ssh://h:1','credentials':{'type':'plain','username':'u','password':'p'}}}",
             "connectivity:connection.configuration.invalid", "/sshTunnel/knownHosts"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'sshTunnel':{'enabled':false,'validateHost':false,'uri':'ssh://h','credentials':{'type':'plain','username':'u','password':''}}}",
             "connectivity:connection.configuration.invalid", "/sshTunnel/credentials/password"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'sshTunnel':{'enabled':false,'validateHost':false,'uri':'ssh://h','credentials':{'type':'client-cert'}}}",
             "connectivity:connection.configuration.invalid", "/sshTunnel/credentials"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a']}],'mappingDefinitions':{'m':{'mappingEngine':'ConnectionStatus','options':{'thingId':'no id'}}}}",
             "connectivity:connection.configuration.invalid", "/mappingDefinitions/m/options/thingId"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a']}],'mappingDefinitions':{'m':{'mappingEngine':'ImplicitThingCreation','options':{'thing':{'thingId':'no id'}}}}}",
             "connectivity:connection.configuration.invalid", "/mappingDefinitions/m/options/thing/thingId"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a'],'payloadMapping':['m']}],'mappingDefinitions':{'m':{'mappingEngine':'ImplicitThingCreation','options':{'thing':{}}}}}",
             "connectivity:connection.configuration.invalid", "/sources/0/payloadMapping/0"},
            {"{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a'],'acknowledgementRequests':{'includes':[],'filter':'fn:nope()'}}]}",
             "connectivity:connection.configuration.invalid", "/sources/0/acknowledgementRequests/filter"},
};

static void put_document(struct buf *b, const char *z)
{
    for (; *z; z++) {
        if (*z == 'A' && b->len == 1)
            buf_puts(b, HEAD);
        else if (*z == 'M' && b->len == 1)
            buf_puts(
                b,
                "\"id\":\"c\",\"connectionType\":\"mqtt\",\"connectionStatus\":\"open\",\"uri\":\"tcp://h:1\"");
        else if (*z == 'T' && z[-1] == ',')
            buf_puts(b, "\"targets\":[{\"address\":\"t\",\"authorizationContext\":[\"a\"]}]");
        else if (*z == 'S' && (z[-1] == ',' || z[-1] == '['))
            buf_puts(b, "{\"addresses\":[\"q\"],\"authorizationContext\":[\"a\"]}");
        else
            buf_putc(b, *z == '\'' ? '"' : *z);
    }
}

static void test_first_problem(void)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct connection c;
        struct ditto_error err = {0};
        struct buf b = {0};
        put_document(&b, wrong[i].document);
        if (ok(connection_parse(&c, buf_slice(&b), &err) < 0, "wrong: %s", wrong[i].document)) {
            is_slice(slice_str(err.code), slice_str(wrong[i].code), "its code");
            is_slice(slice_str(err.pointer), slice_str(wrong[i].pointer), "its place");
        }
        buf_free(&b);
    }
}

/* What looks odd, but is allowed. */
static const char *const right[] = {
    "{'id':'c','connectionType':'amqp-091','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'e/{{ thing:id | fn:default(\\\"a/b\\\") }}','authorizationContext':['a']}]}",
    "{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'t','authorizationContext':['a']}],'specificConfig':{'amqp.vhost':'v','transport.ws.x':'1','failover.nested.amqp.vhost':'v','jms.nope':'1','other':'2'}}",
    "{'id':'c','connectionType':'mqtt-5','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['$share/g/a/+/#'],'authorizationContext':['a'],'qos':1,'consumerCount':3,'enforcement':{'input':'{{ header:x }}','filters':['{{ policy:id }}']}}]}",
    "{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['a'],'authorizationContext':['a'],'qos':1,'headerMapping':{'h':'t-{{ header:mqtt.topic | fn:lower() }}'}}]}",
    "{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a','authorizationContext':['a'],'qos':0}],'specificConfig':{'keepAlive':'nonsense','lastWillTopic':'a','lastWillQos':'high'}}",
    "{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a','authorizationContext':['a'],'qos':0}],'specificConfig':{'keepAlive':'1.5 hours'}}",
    "{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['t'],'authorizationContext':['a'],'qos':1}],'specificConfig':{'bootstrapServers':'a.b:1, c:2,d:65535 ','groupId':'g-{{ connection:id }}','consumerOffsetReset':'EARLIEST','saslMechanism':'nope'}}",
    "{'id':'c','connectionType':'kafka','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'t#{{ header:p }}','authorizationContext':['a']}],'specificConfig':{'bootstrapServers':'h:1','groupId':'not looked at'}}",
    "{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'http://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'specificConfig':{'parallelism':'+3','idleTimeout':'60000','omitRequestBody':''}}",
    "{'id':'c','connectionType':'hono','connectionStatus':'open','uri':'','sources':[{'addresses':['event'],'authorizationContext':['a']}]}",
    "{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'oauth-password','tokenEndpoint':'http://h/t?x','clientId':'c','requestedScopes':'a b/c','username':'u','password':'p'}}",
    "{'id':'c','connectionType':'http-push','connectionStatus':'open','uri':'https://h:1','targets':[{'address':'GET:/','authorizationContext':['a']}],'credentials':{'type':'hmac','algorithm':'az-sasl','parameters':{'sharedKeyName':'n','sharedKey':'aaa','endpoint':'e'}}}",
    "{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','targets':[{'address':'a','authorizationContext':['a'],'qos':0}],'credentials':{'type':'plain','username':'u','password':'p'}}",
    "{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','targets':[{'address':'q','authorizationContext':['a'],'topics':['_/_/things/twin/events?filter=and(eq(topic:action,%22modified%22),gt(attributes/a,1))&extraFields=features/{{feature:id}}']}]}",
    "{'id':'c','connectionType':'amqp-10','connectionStatus':'open','uri':'amqp://h:1','sources':[{'addresses':['q'],'authorizationContext':['a'],'acknowledgementRequests':{'includes':[],'filter':'fn:filter(header:qos,\\\"ne\\\",\\\"0\\\")'}}]}",
};

static void test_right(void)
{
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        struct connection c;
        struct ditto_error err = {0};
        struct buf b = {0};
        put_document(&b, right[i]);
        if (ok(connection_parse(&c, buf_slice(&b), &err) == 0, "right: %s", right[i]))
            connection_free(&c);
        else
            printf("# %s %s (at %s)\n", err.code, err.message, err.pointer);
        buf_free(&b);
    }
}

/* Who only maps does not mind the ends, but templates and mappers. */
static void test_for_mapping(void)
{
    static const struct {
        const char *document, *pointer; /* NULL: it is fine */
    } cases[] = {
        {"{'id':'c','connectionType':'mqtt','connectionStatus':'open','uri':'tcp://h:1','sources':[{'addresses':['a/#/b'],"
         "'authorizationContext':[],'headerMapping':{'a':'{{ thing:id }}'},"
         "'enforcement':{'input':'{{ header:x }}','filters':['{{ feature:id }}']}}]}",
         NULL},
        {"{A}", NULL},
        {"{A,'sources':[{'addresses':['q'],'authorizationContext':['a'],'headerMapping':{'a':'{{ nope:x }}'}}]}",
         "/sources/0/headerMapping/a"},
        {"{A,'sources':[{'addresses':['q'],'authorizationContext':['a'],'payloadMapping':['nope']}]}",
         "/sources/0/payloadMapping/0"},
        {"{A,'sources':[{'addresses':['q'],'authorizationContext':['a'],'enforcement':{'input':'{{ thing:id }}'}}]}",
         "/sources/0/enforcement/input"},
        {"{A,'sources':3}", "/sources"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct connection c;
        struct ditto_error err = {0};
        struct buf b = {0};
        put_document(&b, cases[i].document);
        int rc = connection_parse_for_mapping(&c, buf_slice(&b), &err);
        if (ok((rc == 0) == !cases[i].pointer, "for mapping: %s %s", cases[i].document, err.message) &&
            rc < 0)
            is_slice(slice_str(err.pointer), slice_str(cases[i].pointer), "its place");
        if (rc == 0)
            connection_free(&c);
        buf_free(&b);
    }
}

static void test_all_problems(void)
{
    struct connection c;
    struct connection_problems p;
    static const char document[] =
        "{\"id\":\"c\",\"connectionType\":\"mqtt\",\"connectionStatus\":\"open\",\"clientCount\":2,"
        "\"uri\":\"mqtt://h:1\",\"sources\":[{\"addresses\":[1],\"authorizationContext\":\"a\"}]}";
    static const char *const places[] = {"/sources/0/addresses/0", "/sources/0/authorizationContext",
                                         "/sources/0/addresses",   "/uri",
                                         "/clientCount",           "/sources/0/qos"};
    ok(connection_examine(&c, slice_str(document), &p) < 0, "several problems");
    is_int((long long)p.n, sizeof places / sizeof *places, "all of them, none twice");
    for (size_t i = 0; i < p.n && i < sizeof places / sizeof *places; i++)
        is_slice(slice_str(p.v[i].pointer), slice_str(places[i]), "problem %zu", i);
    connection_problems_free(&p);

    struct buf b = {0};
    buf_puts(&b, "{" HEAD ",\"sources\":[{\"addresses\":[0");
    for (int i = 0; i < 2000; i++)
        buf_puts(&b, ",0");
    buf_puts(&b, "]}],\"targets\":[");
    for (int i = 0; i < 200; i++)
        buf_puts(&b, i ? ",{}" : "{}");
    buf_puts(&b, "]}");
    ok(connection_examine(&c, buf_slice(&b), &p) < 0, "very many problems");
    is_int((long long)p.n, CONNECTION_PROBLEMS_MAX, "are cut");
    is_slice(slice_str(p.v[0].pointer), S("/sources/0/addresses"), "a list that is too long");
    connection_problems_free(&p);
    buf_free(&b);
}

/* Documents that are large where nobody expects it are judged as fast as others. */
static void test_large(void)
{
    static const struct {
        const char *text, *pointer;
    } cases[] = {
        {"{{", NULL},
        {"${", NULL},
        {"{{${a}", "/targets/0/headerMapping/h"},
        {"{{ header:a }}", "/targets/0/headerMapping/h"},
        {"{{ header:a | ", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct connection c;
        struct ditto_error err = {0};
        struct buf b = {0};
        buf_puts(&b, "{" HEAD ",\"targets\":[{\"address\":\"t\",\"authorizationContext\":[\"a\"],"
                     "\"headerMapping\":{\"h\":\"");
        while (b.len < (size_t)4 << 20)
            buf_puts(&b, cases[i].text);
        buf_puts(&b, "\"}}]}");
        int rc = connection_parse(&c, buf_slice(&b), &err);
        if (ok((rc == 0) == !cases[i].pointer, "4 MiB of '%s'", cases[i].text) && rc < 0)
            is_slice(slice_str(err.pointer), slice_str(cases[i].pointer), "its place");
        if (rc == 0)
            connection_free(&c);
        buf_free(&b);
    }
}

int main(void)
{
    test_defaults();
    test_reply_targets();
    test_everything();
    test_first_problem();
    test_right();
    test_for_mapping();
    test_all_problems();
    test_large();
    return done();
}
