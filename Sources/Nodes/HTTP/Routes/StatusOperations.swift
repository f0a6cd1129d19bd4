/// What the document says of row 12.
extension StatusRoutes {
    static let healthOperation = Operation(
        id: "health", group: .status, summary: "Salud del nodo (Health)",
        description: "For load balancers: a node that has lost its database is still alive.",
        responses: [
            .init(status: 200, description: "The node lives.", content: .component("Health")),
            .init(
                status: 503, description: "The node drains.", content: .component("Health"), headers: ["Retry-After"]),
        ])

    static let readyOperation = Operation(
        id: "ready", group: .status, summary: "Disponibilidad (Readiness)",
        responses: [
            .init(status: 200, description: "All that the node needs is there.", content: .component("Readiness")),
            .init(
                status: 503, description: "Something is away, or the node drains.", content: .component("Readiness"),
                headers: ["Retry-After"]),
        ])
}
