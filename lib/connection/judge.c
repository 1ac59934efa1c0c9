/* judge.c: the ways to judge a document by itself. Who asks more than that: control.c. */
#include "connection/rules.h"

#include "base/banned.h"

static bool looks_like_pem(struct slice text, enum pem kind)
{
    static const struct slice labels[] = {
        [PEM_CERTIFICATES] = {"CERTIFICATE", sizeof("CERTIFICATE") - 1},
        [PEM_PRIVATE_KEY] = {"PRIVATE KEY", sizeof("PRIVATE KEY") - 1},
        [PEM_RSA_PRIVATE_KEY] = {"PRIVATE KEY", sizeof("PRIVATE KEY") - 1},
        [PEM_RSA_PUBLIC_KEY] = {"PUBLIC KEY", sizeof("PUBLIC KEY") - 1},
    };
    return pem_valid(text, labels[kind]);
}

const struct judge document_judge = {.pem = looks_like_pem};
static const struct judge mapping_judge = {.only_mapping = true};

static int parse_by(const struct judge *j, struct connection *c, struct slice json, struct ditto_error *err)
{
    struct connection_problems problems;
    int rc = connection_examine_by(j, c, json, &problems);
    if (rc < 0)
        *err = problems.v[0];
    connection_problems_free(&problems);
    return rc;
}

int connection_examine(struct connection *c, struct slice json, struct connection_problems *p)
{
    return connection_examine_by(&document_judge, c, json, p);
}

int connection_examine_for_mapping(struct connection *c, struct slice json, struct connection_problems *p)
{
    return connection_examine_by(&mapping_judge, c, json, p);
}

int connection_parse(struct connection *c, struct slice json, struct ditto_error *err)
{
    return parse_by(&document_judge, c, json, err);
}

int connection_parse_for_mapping(struct connection *c, struct slice json, struct ditto_error *err)
{
    return parse_by(&mapping_judge, c, json, err);
}
