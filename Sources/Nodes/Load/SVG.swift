/// The few shapes that a plot needs.
enum SVG {
    static func document(width: Int, height: Int, _ parts: [String]) -> String {
        let head = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        ]
        return (head + parts + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    static func line(_ points: [(Double, Double)], _ color: String) -> String {
        let path = points.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        return "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.5\" points=\"\(path)\"/>"
    }

    /// A thin horizontal line.
    static func rule(_ x: Double, _ y: Double, _ width: Double) -> String {
        "<path d=\"M\(number(x)) \(number(y))H\(number(x + width))\" stroke=\"#ddd\"/>"
    }

    static func text(
        _ x: Double, _ y: Double, size: Int = 12, anchor: String = "start", color: String = "#000", _ text: String
    ) -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\" fill=\"\(color)\">\(escaped(text))</text>"
    }

    /// At most two places after the point.
    static func number(_ value: Double) -> String {
        let hundredths = (value * 100).rounded() / 100
        return hundredths == hundredths.rounded() ? "\(Int(hundredths))" : "\(hundredths)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
