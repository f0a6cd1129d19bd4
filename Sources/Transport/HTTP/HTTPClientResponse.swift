/// Status and header fields of a final (not 1xx) response.
package struct HTTPClientResponseHead: Sendable, Equatable {
    package let status: Int
    package let headers: HTTPHeaders

    package init(status: Int, headers: HTTPHeaders) {
        self.status = status
        self.headers = headers
    }
}

/// A response whose body was small enough to be kept whole.
package struct HTTPClientResponse: Sendable, Equatable {
    package let head: HTTPClientResponseHead
    package let body: [UInt8]

    package var status: Int { head.status }
    package var headers: HTTPHeaders { head.headers }

    package init(head: HTTPClientResponseHead, body: [UInt8]) {
        self.head = head
        self.body = body
    }
}
