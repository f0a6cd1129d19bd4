/// What the document says of rows 9 to 11.
extension ShowcaseRoutes {
    private static func paging(_ defaultLimit: Int, _ maximumLimit: Int, cursor: JSONValue) -> [Operation.Parameter] {
        let largest: JSONValue = .number(Double(PageQuery.maximumSkip))
        return [
            .query("skip", ["type": "integer", "minimum": 0, "maximum": largest], "How many to leave out."),
            .query(
                "limit",
                [
                    "type": "integer", "minimum": 1, "maximum": .number(Double(maximumLimit)),
                    "default": .number(Double(defaultLimit)),
                ], "How many to give."),
            .query(
                "page",
                [
                    "type": "integer", "minimum": 1,
                    "maximum": .number(Double(PageQuery.maximumSkip / maximumLimit)),
                ], "In place of skip; counts from 1."),
            .query(
                "cursor", ["type": "string", "pattern": cursor],
                "From Link: the neighbour of a page; wins over skip and page."),
        ]
    }

    private static let city = Operation.Parameter.query(
        "city", ["type": "string", "maxLength": 100, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"],
        "Of the player; case and accents do not matter.")
    private static let listHeaders = ["X-Total-Count", "Link", "ETag"]
    private static let unchanged = Operation.Response(
        status: 304, description: "As the client knows it already (If-None-Match).", content: .none, headers: ["ETag"])

    static let videosOperation = Operation(
        id: "listPublicVideos", group: .showcase, summary: "Videos publicados (Published videos)",
        parameters: paging(50, 100, cursor: "^c[0-9a-z]{1,10}-[0-9a-z]{1,5}$") + [
            city,
            .query(
                "sort", ["type": "string", "enum": ["recent", "votes"], "default": "recent"],
                "Newest first, or most votes first."),
        ],
        responses: [
            .init(
                status: 200, description: "Processed videos, with addresses that anybody can play for an hour.",
                content: .list(of: "PublicVideo"), headers: listHeaders),
            unchanged,
        ], errors: [400: "A parameter is out of bounds."])

    static let rankingsOperation = Operation(
        id: "rankings", group: .showcase, summary: "Clasificación (Rankings)",
        description:
            "Best first. Players with equal votes share their position (1, 2, 2, 4); it is counted within the city that is asked for.",
        parameters: paging(100, 1000, cursor: "^o[0-9a-z]{1,5}$") + [city],
        responses: [
            .init(
                status: 200, description: "Players with at least one vote.", content: .list(of: "Ranked"),
                headers: listHeaders),
            unchanged,
        ], errors: [400: "A parameter is out of bounds."])

    static let voteOperation = Operation(
        id: "vote", group: .showcase, summary: "Votar (Vote)", description: "Once for each video.", needsToken: true,
        parameters: [.id, .idempotencyKey],
        responses: [.init(status: 200, description: "The vote counts.", content: .component("Message"))],
        errors: [
            400: "Voted already, the caller's own video, not processed, or no valid id.",
            404: "There is no such video.",
            409: "A request with this Idempotency-Key is still in progress.",
            422: "The Idempotency-Key was used for another video.",
            429: "Too many Idempotency-Keys within 24 hours; Retry-After says when to come back.",
        ])

    static let voteStatusOperation = Operation(
        id: "voteStatus", group: .showcase, summary: "¿Ya voté? (Have I voted?)", needsToken: true, parameters: [.id],
        responses: [.init(status: 200, description: "Whether the caller voted.", content: .component("VoteStatus"))],
        errors: [400: "No valid id.", 404: "There is no such video."])
}
