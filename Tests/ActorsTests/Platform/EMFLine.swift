import FoundationEssentials
import Testing

/// A line as CloudWatch would read it (Amazon CloudWatch User Guide, "Specification: Embedded metric format").
struct EMFLine {
    // The names are the specification's.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    struct AWS: Decodable {
        let Timestamp: Int64
        let CloudWatchMetrics: [Directive]
    }
    // swift-format-ignore: AlwaysUseLowerCamelCase
    struct Directive: Decodable {
        let Namespace: String
        let Dimensions: [[String]]
        let Metrics: [Definition]
    }
    // swift-format-ignore: AlwaysUseLowerCamelCase
    struct Definition: Decodable {
        let Name: String
        let Unit: String
    }

    let aws: AWS
    let directive: Directive
    let texts: [String: String]
    let numbers: [String: [Double]]

    init?(_ line: String) {
        guard !line.contains("\n"),
            let members = try? JSONDecoder().decode([String: Member].self, from: Data(line.utf8)),
            case .metadata(let aws) = members["_aws"], aws.CloudWatchMetrics.count == 1
        else {
            Issue.record("not a line of EMF: \(line)")
            return nil
        }
        self.aws = aws
        directive = aws.CloudWatchMetrics[0]
        texts = members.compactMapValues { if case .text(let text) = $0 { text } else { nil } }
        numbers = members.compactMapValues { if case .numbers(let numbers) = $0 { numbers } else { nil } }
    }

    private static let units = ["Count", "Milliseconds", "Percent", "Megabytes"]

    /// Expects each rule of the specification.
    func validate(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect((1...1024).contains(directive.Namespace.utf8.count), sourceLocation: sourceLocation)
        #expect(!directive.Namespace.hasPrefix("AWS/"), sourceLocation: sourceLocation)
        #expect((1...100).contains(directive.Metrics.count), sourceLocation: sourceLocation)
        #expect(!directive.Dimensions.isEmpty, sourceLocation: sourceLocation)
        for set in directive.Dimensions {
            #expect(set.count <= 30 && Set(set).count == set.count, sourceLocation: sourceLocation)
            for name in set {
                let text = try #require(texts[name], "\(name) is no text of the root", sourceLocation: sourceLocation)
                #expect((1...1024).contains(text.utf8.count), sourceLocation: sourceLocation)
            }
        }
        for metric in directive.Metrics {
            #expect(Self.units.contains(metric.Unit), sourceLocation: sourceLocation)
            let values = try #require(
                numbers[metric.Name], "\(metric.Name) is no number of the root", sourceLocation: sourceLocation)
            #expect((1...100).contains(values.count), sourceLocation: sourceLocation)
        }
        #expect(Set(directive.Metrics.map(\.Name)) == Set(numbers.keys), sourceLocation: sourceLocation)
    }

    private enum Member: Decodable {
        case metadata(AWS)
        case text(String)
        case numbers([Double])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let number = try? container.decode(Double.self) {
                self = .numbers([number])
            } else if let numbers = try? container.decode([Double].self) {
                self = .numbers(numbers)
            } else {
                self = .metadata(try container.decode(AWS.self))
            }
        }
    }
}
