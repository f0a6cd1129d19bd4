import FoundationEssentials

/// One line of CloudWatch's Embedded Metric Format (Amazon CloudWatch User Guide, "Specification: Embedded metric
/// format"): metric values are members of the root, `_aws` says which members are metrics.
struct MetricLine {
    enum Unit: String {
        case count = "Count"
        case milliseconds = "Milliseconds"
        case percent = "Percent"
        case megabytes = "Megabytes"
    }

    struct Metric {
        let name: String
        let unit: Unit
        let values: [Double]

        init(_ name: String, _ unit: Unit, _ values: [Double]) {
            self.name = name
            self.unit = unit
            self.values = values
        }
    }

    let namespace: MetricNamespace
    let dimensions: [[String]]
    let properties: [String: String]
    let metrics: [Metric]

    func json(at date: Date) -> String {
        let directive = Value.object([
            "Namespace": .text(namespace.rawValue),
            "Dimensions": .array(dimensions.map { .array($0.map(Value.text)) }),
            "Metrics": .array(
                metrics.map { .object(["Name": .text($0.name), "Unit": .text($0.unit.rawValue)]) }),
        ])
        var root: [String: Value] = [
            "_aws": .object([
                "Timestamp": .integer(Int64(date.timeIntervalSince1970 * 1000)),
                "CloudWatchMetrics": .array([directive]),
            ])
        ]
        for (name, text) in properties { root[name] = .text(text) }
        for metric in metrics {
            root[metric.name] =
                metric.values.count == 1 ? .number(metric.values[0]) : .array(metric.values.map(Value.number))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(Value.object(root)) else {
            preconditionFailure("finite numbers and strings always encode")
        }
        return String(decoding: data, as: UTF8.self)
    }

    private enum Value: Encodable {
        case text(String)
        case number(Double)
        case integer(Int64)
        case array([Value])
        case object([String: Value])

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .number(let number): try container.encode(number.isFinite ? number : 0)
            case .integer(let integer): try container.encode(integer)
            case .array(let values): try container.encode(values)
            case .object(let members): try container.encode(members)
            }
        }
    }
}
