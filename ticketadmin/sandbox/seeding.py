"""Believable tickets, the same ones at every first start; dates are relative to the day of seeding."""

import random
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

CATEGORIES = ["Lỗi hệ thống", "Giải thích tính năng", "Yêu cầu hỗ trợ khẩn cấp", "Bảo hành", "Khác"]
SEEDED_STATUSES = ["Mới", "Đang xử lý", "Chờ khách hàng", "Đã hoàn tất", "Hủy"]
CRM_ZONE = timezone(timedelta(hours=7))
CRM_TIME = "%Y-%m-%d %H:%M:%S"  # without a zone: the clock of the CRM's country

_TOPICS = [
    ("Không đăng nhập được vào hệ thống", "<p>Chào anh chị,</p><p>Từ sáng nay em <b>không đăng nhập được</b>, màn hình báo “Sai mật khẩu” dù em vừa đổi lại.</p><p>Nhờ bên mình kiểm tra giúp ạ.</p>"),
    ("Xuất hóa đơn bị sai mã số thuế", "<p>Hóa đơn số <b>0001234</b> ghi sai mã số thuế.</p><table><tr><th>Trên hóa đơn</th><th>Đúng</th></tr><tr><td>0101234567</td><td>0107654321</td></tr></table><p>Nhờ điều chỉnh trước cuối tháng.</p>"),
    ("Máy in hóa đơn không nhận lệnh", "<p>Đã thử:</p><ul><li>Khởi động lại máy in</li><li>Cài lại trình điều khiển</li><li>Đổi cáp USB</li></ul><p>Máy vẫn không in.</p>"),
    ("Hỏi cách xuất báo cáo theo tháng", "<p>Cho mình hỏi xuất báo cáo doanh thu theo tháng ở mục nào? Mình cần gửi sếp trước 17h.</p>"),
    ("Bảo hành màn hình bị sọc", "<div>Màn hình mua ngày trong phiếu bị <i>sọc dọc</i> bên phải.<br>Ảnh: <img src=\"https://files.example.com/soc.jpg\" alt=\"màn hình bị sọc\"></div>"),
    ("Đồng bộ kho chậm 30 phút", "<p>Tồn kho trên web chậm hơn thực tế khoảng 30 phút &amp; khách đã đặt hàng hết tồn.</p>"),
    ("Khách yêu cầu đổi ngày giao hàng", "<p>Khách xin dời sang thứ Sáu. SĐT khách trong phiếu.</p>"),
    ("Tin nhắn nhắc hẹn gửi hai lần", "<p style=\"margin:0\">Khách nhận <span style=\"color:#c00\">hai tin</span> cùng nội dung.</p>\r\n<p style=\"margin:0\">Thời điểm: 8:00 và 8:01.  </p>"),
    ("Cannot open attachment in ticket", "<p>Hi team,</p><p>Opening the PDF shows <code>error 0x80070057</code>. Other files open fine.</p><p>Regards</p>"),
    ("Invoice shows the wrong currency", "<p>Invoice totals are in USD &mdash; they should be in VND.</p><blockquote>Total: $1,250.00</blockquote>"),
    ("API returns 500 when creating an order", "<p>Steps:</p><ol><li>POST an order with 3 lines</li><li>Wait</li></ol><pre><code>HTTP/1.1 500 Internal Server Error\nx-request-id: 7f3a</code></pre>"),
    ("How do I add a second warehouse?", "<p>We open a second warehouse next month. Where do I add it, and can stock be <strong>split</strong> between the two?</p>"),
    ("Urgent: checkout page is blank", "<p>Since 09:10 the checkout page is blank for all customers. <b>We are losing orders.</b></p>"),
    ("Warranty claim for handheld scanner", "<p class=\"MsoNormal\"><span lang=\"EN-US\">The scanner does not charge any more.<o:p></o:p></span></p><p class=\"MsoNormal\"><span>Serial number below.</span></p>"),
]  # fmt: skip
_COMPANIES = ["An Phát", "Sao Mai", "Hoàng Gia", "Bình Minh", "Việt Tiến", "Nam Long", "Mekong Retail", "Lotus Foods", "Delta Logistics", "Thành Công"]  # fmt: skip
_NAMED = [
    ("ABCXYZ1234", "Lỗi in phiếu giao hàng", 0),
    ("TK-SLOW", "Demo: every answer takes 3 seconds", 1),
    ("TK-RESET", "Demo: saved, but the answer is lost", 1),
    ("TK-DENIED", "Demo: the CRM allows no change", 1),
    ("TK-IGNORED", "Demo: the CRM says yes and stores nothing", 1),
    ("TK-WIPES", "Demo: a change empties the other fields", 1),
    ("TK-CONFLICT", "Demo: another user always saves first", 1),
    ("TK-BUSY", "Demo: busy at first, then fine", 1),
    ("TK-BROKEN", "Demo: the CRM breaks on every change", 1),
]


def seeded_tickets(count: int, today: date) -> list[dict[str, Any]]:
    """Return `count` tickets; the named ones come first. Deterministic but for the dates."""
    chance = random.Random(20_240_101)
    codes = [code for code, _title, _status in _NAMED]
    codes += [f"TK{240_000 + number}" for number in range(1, max(0, count - len(codes)) + 1)]
    tickets = [_ticket(identity, code, chance, today) for identity, code in enumerate(codes[:count], start=1)]
    for ticket, (_code, title, status) in zip(tickets, _NAMED, strict=False):
        ticket |= {"ticket_title": title, "status_name": SEEDED_STATUSES[status]}
    return tickets


def _ticket(identity: int, code: str, chance: random.Random, today: date) -> dict[str, Any]:
    title, content = _TOPICS[identity % len(_TOPICS)]
    company = chance.choice(_COMPANIES)
    midnight = datetime.combine(today, time(), tzinfo=CRM_ZONE)
    created = midnight - timedelta(hours=chance.randint(1, 2_000))
    expected = today + timedelta(days=chance.randint(-12, 25))
    bought = datetime.combine(today - timedelta(days=chance.randint(30, 900)), time(), tzinfo=CRM_ZONE)
    has_serial = chance.random() < 0.7
    custom: dict[str, Any] = {
        "so_serial": f"SN{chance.randint(10_000, 99_999)}-{chance.randint(10, 99)}" if has_serial else None,
        "ngay_mua": str(int(bought.timestamp())) if has_serial else None,
        "loai_bao_hanh": str(chance.randint(1, 3)) if has_serial else None,
        "ghi_chu": "Gọi trước khi đến.\nGửi xe ở hầm B1." if chance.random() < 0.3 else None,
    }
    if chance.random() < 0.2:
        custom["nguon_ticket"] = chance.choice(["email", "hotline", "zalo"])
    slug = "".join(letter for letter in company.lower() if letter.isascii() and letter.isalpha())
    return {
        "id": identity,
        "ticket_code": code,
        "ticket_title": title if identity <= len(_TOPICS) else f"{title} – {company}",
        "ticket_content": content,
        "account_id": 100 + _COMPANIES.index(company),
        "account_name": company,
        "account_email": f"lienhe@{slug}.example.com" if chance.random() < 0.9 else "",
        "cate_name": chance.choice(CATEGORIES),
        "status_name": chance.choice(SEEDED_STATUSES),
        "expected_at": expected.isoformat() if chance.random() < 0.85 else "",
        "emergency_phone": f"09{chance.randint(10_000_000, 99_999_999)}" if chance.random() < 0.6 else "",
        "custom_fields": custom,
        "created_at": created.strftime(CRM_TIME),
        "updated_at": created.strftime(CRM_TIME),
    }
