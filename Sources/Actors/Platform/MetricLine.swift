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

    /// Written by hand: encoders of the library took two thirds of what metrics cost (`Benchmarks/emitter`).
    func json(at date: Date) -> String {
        var text =
            "{\"_aws\":{\"Timestamp\":\(Int64(date.timeIntervalSince1970 * 1000)),\"CloudWatchMetrics\":[{\"Namespace\":"
        text.append(quoting: namespace.rawValue)
        text += ",\"Dimensions\":"
        text.append(listing: dimensions) { text, set in text.append(listing: set) { $0.append(quoting: $1) } }
        text += ",\"Metrics\":"
        text.append(listing: metrics) { text, metric in
            text += "{\"Name\":"
            text.append(quoting: metric.name)
            text += ",\"Unit\":\"\(metric.unit.rawValue)\"}"
        }
        text += "}]}"
        for name in properties.keys.sorted() {
            text += ","
            text.append(quoting: name)
            text += ":"
            text.append(quoting: properties[name] ?? "")
        }
        for metric in metrics {
            text += ","
            text.append(quoting: metric.name)
            text += ":"
            if metric.values.count == 1 {
                text.append(number: metric.values[0])
            } else {
                text.append(listing: metric.values) { $0.append(number: $1) }
            }
        }
        return text + "}"
    }
}

extension String {
    /// JSON has no name for what is not finite; a count has no point.
    fileprivate mutating func append(number: Double) {
        if let count = Int(exactly: number) {
            self += count.description
        } else {
            self += number.isFinite ? number.description : "0"
        }
    }

    fileprivate mutating func append<Element>(
        listing elements: [Element], _ write: (inout String, Element) -> Void
    ) {
        self += "["
        for (index, element) in elements.enumerated() {
            if index > 0 { self += "," }
            write(&self, element)
        }
        self += "]"
    }

    /// A string of JSON (RFC 8259, chapter 7).
    fileprivate mutating func append(quoting text: String) {
        self += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": self += "\\\(scalar)"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                self += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: unicodeScalars.append(scalar)
            }
        }
        self += "\""
    }
}
