#ifndef CLIBPQ_H
#define CLIBPQ_H

#include <libpq-fe.h>

// Swift's Glibc module lacks these two.
#include <sys/epoll.h>
#include <sys/eventfd.h>

// The PG_DIAG_* field codes are character constants: as functions their type is certain in Swift.

static inline const char *clibpq_sqlstate(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

static inline const char *clibpq_severity(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
}

static inline const char *clibpq_message(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
}

static inline const char *clibpq_constraint(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
}

#endif
