/// What the document says of rows 4 to 8.
extension VideoRoutes {
    private static let notTheirs = [
        403: "The video is somebody else's.", 404: "There is no such video.", 422: "The id is no UUID.",
    ]

    static let uploadOperation = Operation(
        id: "uploadVideo", group: .videos, summary: "Subir un video (Upload a video)",
        description: "Processing goes on after the answer: ask for the video until it is processed or failed.",
        needsToken: true, parameters: [.idempotencyKey], body: .form("Upload"),
        responses: [
            .init(
                status: 201, description: "Stored; processing has begun.", content: .component("Uploaded"),
                headers: ["Location"])
        ],
        errors: [
            400:
                "Not a video, too large, beyond the contest's rules, one video too many, the title is blank or too long, or the upload broke off.",
            409: "A request with this Idempotency-Key is still in progress.",
            422: "A field is missing, the form is malformed, or the Idempotency-Key was used for another upload.",
            429: "Too many Idempotency-Keys within 24 hours; Retry-After says when to come back.",
            503: "The node is full; Retry-After says when to come back.",
        ])

    static let listOperation = Operation(
        id: "listMyVideos", group: .videos, summary: "Mis videos (My videos)", description: "Oldest first.",
        needsToken: true,
        responses: [.init(status: 200, description: "The caller's videos.", content: .list(of: "Video"))])

    static let detailOperation = Operation(
        id: "getMyVideo", group: .videos, summary: "Un video mío (One of my videos)", needsToken: true,
        parameters: [.id],
        responses: [.init(status: 200, description: "The video.", content: .component("OwnVideo"))],
        errors: notTheirs)

    static let deleteOperation = Operation(
        id: "deleteVideo", group: .videos, summary: "Eliminar un video (Delete a video)", needsToken: true,
        parameters: [.id],
        responses: [
            .init(status: 200, description: "The video and its files are gone.", content: .component("Deleted"))
        ],
        errors: notTheirs.merging([400: "It is processed: it is open to votes."]) { $1 })

    static let originalOperation = Operation(
        id: "downloadOriginal", group: .videos, summary: "Descargar el original (Download the original)",
        needsToken: true, parameters: [.id],
        responses: [
            .init(
                status: 302, description: "To a presigned URL, good for an hour.", content: .none,
                headers: ["Location"])
        ], errors: notTheirs)

    static let processedOperation = Operation(
        id: "downloadProcessed", group: .videos, summary: "Descargar el video procesado (Download the processed video)",
        needsToken: true, parameters: [.id],
        responses: [
            .init(
                status: 302, description: "To a presigned URL, good for an hour.", content: .none,
                headers: ["Location"])
        ], errors: notTheirs.merging([400: "It is not processed yet."]) { $1 })
}
